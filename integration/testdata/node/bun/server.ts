import { humanize } from 'debug';

const day: number = 86400000;
Bun.serve({
  port: process.env.PORT,
  fetch: () => new Response(`Hello from Bun, in ${humanize(day)}.\n`),
});
process.on('SIGTERM', () => process.exit());
