import express from 'express';

const app = express();
app.get('/', (request, response) => response.send('Hello from ' + express.patched + '.\n'));
app.listen(process.env.PORT || 8080);
process.on('SIGTERM', () => process.exit());
