const http = require('node:http');
const greet = require('greeting');

http.createServer((request, response) => response.end(`Hello from ${greet('npm')}\n`)).listen(process.env.PORT);
process.on('SIGTERM', () => process.exit());
