const http = require('node:http');
const os = require('node:os');
const v8 = require('node:v8');

const greeting = process.argv[3];
const answers = {
  '/env': () => process.env.NODE_ENV,
  '/home': () => process.env.HOME,
  '/heap': () => (v8.getHeapStatistics().heap_size_limit / Math.min(process.constrainedMemory() || Infinity, os.totalmem())).toFixed(1),
};
const server = http.createServer((request, response) => {
  response.end(answers[request.url]?.() ?? greeting + '\n');
});
server.listen(process.env.PORT || 8080);
process.on('SIGTERM', () => process.exit());
