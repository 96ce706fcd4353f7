const { createServer } = require('node:http');
const greeting = require('greeting');

createServer((request, response) => response.end(greeting('a folder'))).listen(process.env.PORT);
