package install_test

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/install"
)

// TestFailures has the lines that package managers end with.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, tail := range map[string]string{
		"gyp": `npm error ../src/addon.cc: In function 'void compare()':
npm error ../src/addon.cc:331:41: error: no matching function for call to 'v8::Value::ToString()'
npm error   331 |     Nan::Utf8String pw(info[0]->ToString());
npm error ../src/addon.cc:332:43: error: no matching function for call to 'v8::Value::ToString()'
npm error make: *** [addon.target.mk:112: Release/obj.target/addon.o] Error 1
npm error gyp ERR! build error
npm error gyp ERR! cwd /cache/build/node-modules/ec85.partial/node_modules/@scope/addon
npm error gyp ERR! not ok`,
		"gyp-library": `/cache/build/compiler/5c76cf8e3bd1f0a2/usr/bin/ld: cannot find -lsecret-1: No such file or directory
gyp ERR! cwd /cache/build/node-modules/ec85.partial/node_modules/keytar`,
		"gyp-after-a-retry": `npm warn fetch failed with ETIMEDOUT, retry in 10 seconds
gyp ERR! cwd /cache/build/node-modules/ec85.partial/node_modules/optional
npm error ../src/addon.cc:1:1: error: no C++
npm error gyp ERR! cwd /cache/build/node-modules/ec85.partial/node_modules/addon
npm error code 1`,
		"offline": "npm error code ECONNREFUSED\nnpm error syscall connect",
		"offline-without-code": `info There appears to be trouble with your network connection. Retrying...
error An unexpected error occurred: "request to https://npm.example.test/a failed, reason: getaddrinfo ENOTFOUND npm.example.test".`,
		"offline-git": `npm error code 128
npm error An unknown git error occurred
npm error command git --no-replace-objects ls-remote https://git.example.test/own/repo.git
npm error fatal: unable to access 'https://git.example.test/own/repo.git/': Could not resolve host: git.example.test`,
		"offline-ssh": `npm error code 128
npm error ssh: Could not resolve hostname git.example.test: Name or service not known
npm error fatal: Could not read from remote repository.`,
		"offline-engine": `npm error code 1
npm error Error: request to https://binaries.prisma.sh/1/engine.gz failed, reason: getaddrinfo ENOTFOUND binaries.prisma.sh`,
		"offline-pnpm": `ERR_PNPM_FETCH  GET https://files.example.test/a.tgz: connect ECONNREFUSED 127.0.0.1:443`,
		"other":        "npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.",
		"other-after-a-retry": `npm warn request failed: ECONNRESET, will retry
npm error code ERESOLVE
npm error ERESOLVE could not resolve`,
	} {
		b := newBench(t, files{"package.json": `{"dependencies": {"a": "1"}}`, "package-lock.json": `{"lockfileVersion": 3}`},
			"cat <<'END'\n"+tail+"\nEND\nexit 1", func(s *install.Source) { s.Registry = "https://npm.example.test/" })
		_, err := b.All(t.Context())
		if err == nil {
			t.Errorf("%s is no failure", name)
			continue
		}
		kittest.Golden(t, "fault-"+name+".txt", err.Error()+"\n")
	}
	b := newBench(t, files{"package.json": `{"dependencies": {"a": "1"}}`}, "exit 1")
	_, err := b.All(t.Context())
	kittest.Golden(t, "fault-resolve.txt", err.Error()+"\n")
}
