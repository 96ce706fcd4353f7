const http = require('node:http');

const greeting = process.argv[3];
const server = http.createServer((request, response) => {
  response.end(request.url === '/env' ? process.env.NODE_ENV : greeting + '\n');
});
server.listen(process.env.PORT || 8080);
process.on('SIGTERM', () => process.exit());
