const fs = require('node:fs');
const http = require('node:http');
const { humanize } = require('debug');
const { greeting } = require('words');

const stamp = fs.readFileSync('stamp.txt');
http.createServer((request, response) => response.end(`${greeting} from Yarn, in ${humanize(86400000)}, ${stamp}.\n`)).listen(process.env.PORT);
process.on('SIGTERM', () => process.exit());
