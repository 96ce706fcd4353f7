import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

@Controller()
class Greeting {
  @Get()
  hello() {
    return 'Hello from NestJS.\n';
  }
}

@Module({ controllers: [Greeting] })
class App {}

async function main() {
  const app = await NestFactory.create(App, { logger: ['error'] });
  app.enableShutdownHooks();
  await app.listen(process.env.PORT ?? 3000);
}

main();
