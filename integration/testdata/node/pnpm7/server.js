const { createServer } = require('node:http');
const ms = require('ms');

createServer((request, response) => response.end(`Hello from pnpm 7, in ${ms(86400000)}.\n`)).listen(process.env.PORT);
