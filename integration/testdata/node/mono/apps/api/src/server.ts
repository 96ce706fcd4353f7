import { createServer } from 'node:http';
import { greeting } from '@mono/greeting';

createServer((_, response) => response.end(greeting('Turborepo'))).listen(process.env.PORT);
