import http from 'node:http';
import ms from 'ms';

const week: number = ms('7d');
http
  .createServer((request, response) => {
    response.end(`A week has ${week} ms.\n`);
  })
  .listen(process.env.PORT ?? 8080);
process.on('SIGTERM', () => process.exit());
