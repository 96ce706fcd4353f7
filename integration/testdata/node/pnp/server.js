const http = require('node:http');
const { humanize } = require('debug');

http.createServer((request, response) => response.end(`Hello from Plug'n'Play, in ${humanize(86400000)}.\n`)).listen(process.env.PORT);
process.on('SIGTERM', () => process.exit());
