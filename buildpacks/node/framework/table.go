package framework

import (
	"regexp"

	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// frameworks is the table. Of several that an app has, the first of its kind counts.
var frameworks = []Framework{
	{Packages: []string{"vite", "rolldown-vite"}, Makes: Site, Develops: []string{"vite"}, Beside: []string{".vite", ".vite-temp"}},
	{
		Packages: []string{"@angular/cli", "@angular/build"}, Makes: Site, Develops: []string{"ng"},
		Caches: []string{".angular/cache"}, Beside: []string{".angular"},
	},
	{Packages: []string{"react-scripts"}, Makes: Site, Develops: []string{"react-scripts", "react-app-rewired", "craco"}},
	{Packages: []string{"@vue/cli-service"}, Makes: Site, Develops: []string{"vue-cli-service"}},
	{Packages: []string{"parcel"}, Makes: Site, Develops: []string{"parcel"}, Caches: []string{".parcel-cache"}},
	{Packages: []string{"astro"}, Makes: Site, Develops: []string{"astro dev", "astro preview"}, Beside: []string{".astro"}},
	{Packages: []string{"gatsby"}, Makes: Site, Develops: []string{"gatsby"}},
	{Packages: []string{"vitepress"}, Makes: Site, Develops: []string{"vitepress"}},
	{Packages: []string{"vuepress"}, Makes: Site, Develops: []string{"vuepress"}},
	{Packages: []string{"@11ty/eleventy"}, Makes: Site, Develops: []string{"eleventy", "npx @11ty/eleventy"}},
	{Packages: []string{"@docusaurus/core"}, Makes: Site, Develops: []string{"docusaurus"}},
	{Packages: []string{"webpack", "webpack-cli"}, Makes: Site, Develops: []string{"webpack", "webpack-dev-server"}},
	{Packages: []string{"@rspack/cli"}, Makes: Site, Develops: []string{"rspack"}},
	{Packages: []string{"@rsbuild/core"}, Makes: Site, Develops: []string{"rsbuild"}},
	{Packages: []string{"preact-cli"}, Makes: Site, Develops: []string{"preact"}},
	{Packages: []string{"ember-cli"}, Makes: Site, Develops: []string{"ember"}},
	{Packages: []string{"hexo"}, Makes: Site, Develops: []string{"hexo"}},
	{Packages: []string{"@stencil/core"}, Makes: Site, Develops: []string{"stencil"}},
	{Packages: []string{"snowpack"}, Makes: Site},
	{Packages: []string{"storybook"}, Makes: Site},
	{Packages: []string{"gridsome"}, Makes: Site, Develops: []string{"gridsome"}},
	{Packages: []string{"umi"}, Makes: Site, Develops: []string{"umi"}},
	{Packages: []string{"@farmfe/cli"}, Makes: Site, Develops: []string{"farm"}},
	{Packages: []string{"@slidev/cli"}, Makes: Site, Develops: []string{"slidev"}},
	{Packages: []string{"@quasar/app-vite", "@quasar/app-webpack"}, Makes: Site, Develops: []string{"quasar dev", "quasar serve"}},
	{Packages: []string{"brunch"}, Makes: Site, Develops: []string{"brunch"}},
	{Packages: []string{"metalsmith"}, Makes: Site},
	{Packages: []string{"expo"}, Makes: Site, Develops: []string{"expo start"}},
	// What they make is a site or a part of a server.
	{Packages: []string{"esbuild"}, Develops: []string{"esbuild"}},
	{Packages: []string{"gulp"}, Develops: []string{"gulp"}},
	{Packages: []string{"grunt"}, Develops: []string{"grunt"}},
	{Packages: []string{"tailwindcss", "@tailwindcss/cli"}, Develops: []string{"tailwindcss", "@tailwindcss/cli"}},
	{Packages: []string{"sass"}, Develops: []string{"sass"}},
	{Packages: []string{"browser-sync"}, Develops: []string{"browser-sync"}},

	{Packages: []string{"@sveltejs/adapter-node"}, Makes: Server, Server: "build/index.js"},
	{
		Packages: []string{"@sveltejs/adapter-static"},
		Exports:  &Export{Title: "SvelteKit, without a server", Matches: regexp.MustCompile(`.`)},
	},
	{ // it fetches the adapter for Node.js where this variable tells of a platform that has Node.js
		Packages: []string{"@sveltejs/adapter-auto"}, Makes: Server, Server: "build/index.js", Variable: "GCP_BUILDPACKS",
		Note: "npm install --save-dev @sveltejs/adapter-node locks the adapter, which adapter-auto fetches in each build otherwise",
	},
	{
		Packages: []string{"@sveltejs/kit"}, Makes: Server,
		Adapter: "add the adapter for Node.js: npm install --save-dev @sveltejs/adapter-node, and name it in the configuration of SvelteKit",
	},
	{
		Packages: []string{"@builder.io/qwik-city", "@qwik.dev/router"}, Makes: Server,
		Server:  "server/entry.[efn]*.js", // express, fastify, node-server
		Loads:   []string{"express", "fastify", "@fastify/static", "@fastify/compress", "fastify-plugin", "compression", "dotenv", "undici"},
		Adapter: "add an adapter: npm run qwik add express for a server, npm run qwik add static for a site",
		Exports: &Export{Title: "Qwik, as static pages", Config: "adapters/static/vite.config", Matches: regexp.MustCompile(`.`)},
	},
	{ // by itself, it listens at the loopback address alone
		Packages: []string{"@astrojs/node"}, Makes: Server, Server: "dist/server/entry.mjs", Env: map[string]string{"HOST": "0.0.0.0"},
	},
	{
		Packages: []string{"@angular/ssr"}, Makes: Server, Server: "dist/*/server/server.mjs",
		Note: "Angular answers 400 for each host that neither NG_ALLOWED_HOSTS nor allowedHosts of angular.json names",
	},
	{Packages: []string{"@nestjs/core"}, Makes: Library},
	{
		Packages: []string{"nuxt"}, Makes: Server, Standalone: &nitro,
		Exports: &Export{Title: "nuxt generate", Matches: regexp.MustCompile(`\bnux[ti] generate\b`)},
	},
	{
		Packages: []string{"next"}, Makes: Server, Standalone: &next, Caches: []string{".next/cache"},
		Exports: &Export{
			Title: "Next.js, as an export", Config: "next.config", Matches: regexp.MustCompile(`\boutput["']?\s*:\s*["']export["']`),
		},
	},
	{
		Packages: []string{"@react-router/dev"},
		Exports: &Export{
			Title: "React Router, without a server", Config: "react-router.config", Matches: regexp.MustCompile(`\bssr["']?\s*:\s*false`),
			SinglePage: true,
		},
	},
	{Packages: []string{"@remix-run/node"}, Makes: Server},
	{Packages: []string{"@react-router/node"}, Makes: Server},
	{
		Packages: []string{"@tanstack/react-start", "@tanstack/solid-start"}, Makes: Server, Standalone: &nitro,
		Handler: &Handler{File: "dist/server/server.js", Assets: "dist/client"},
		Adapter: "add one: npm install srvx, with the script start: srvx --prod --static=../client dist/server/server.js; " +
			"or the plugin nitro() of nitro/vite in vite.config",
	},
	{Packages: []string{"nitropack"}, Makes: Server, Standalone: &nitro},
	{
		Packages:   []string{"nuxt-nightly", "nitro", "@analogjs/platform", "@solidjs/start", "vinxi"},
		Standalone: &nitro,
	},
	{ // it loads what main names, or index.js or function.js, and serves the function of it that FUNCTION_TARGET names
		Packages: []string{"@google-cloud/functions-framework"}, Makes: Library, Program: "functions-framework",
	},
	{Packages: []string{"express"}, Makes: Library},
	{Packages: []string{"fastify"}, Makes: Library},
	{Packages: []string{"koa"}, Makes: Library},
	{Packages: []string{"@hapi/hapi"}, Makes: Library},

	{Packages: []string{"@prisma/client"}, Generator: &project.Generator{
		Package: "@prisma/client", Program: "prisma", Command: "prisma generate", Field: "prisma", Sources: []string{
			"prisma/schema.prisma", "schema.prisma", "prisma/schema",
			"prisma.config.ts", "prisma.config.js", "prisma.config.mjs", ".config/prisma.ts",
		},
	}},

	{Packages: []string{"turbo"}, Caches: []string{".turbo"}, Beside: []string{".turbo"}},
	{Packages: []string{"nx"}, Caches: []string{".nx"}},
	{Packages: []string{"vitest"}, Beside: []string{".vitest"}},
}

// next is Next.js' server.
var next = Standalone{
	Title: "Next.js' standalone server", Dir: ".next/standalone", File: "server.js", Nested: true,
	Starts: []string{"next start"}, Port: true, Needs: []string{".next/static", "public"},
	Variable: "NEXT_PRIVATE_STANDALONE", // since Next.js 12, where the configuration has no output
	// A container's HOSTNAME is its own name. The server would listen there and not at the loopback address.
	Env: map[string]string{"HOSTNAME": "0.0.0.0"},
}

// nitro is the server that Nuxt and other frameworks are built on. It has all that it needs.
var nitro = Standalone{
	Title: "Nitro's server", Dir: ".output", File: "server/index.mjs", Unsaid: true,
	Needs: []string{"package.json"}, Packages: "server/node_modules", Anew: true,
	Starts: []string{"nuxt start", "nuxt preview", "nuxi start", "nuxi preview", "vinxi start", "vinxi preview"},
}
