/** @type {import('next').NextConfig} */
export default {
  output: "standalone",
  generateBuildId: () => "site",
  experimental: { cpus: 1 },
};
