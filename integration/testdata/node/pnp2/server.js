const http = require('http');
const { humanize } = require('debug');

http.createServer((request, response) => response.end(`Hello from Yarn 2, in ${humanize(86400000)}.\n`)).listen(process.env.PORT);
process.on('SIGTERM', () => process.exit());
