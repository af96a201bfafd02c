import 'reflect-metadata';
import { Controller, Get, Module, type Type } from '@nestjs/common';
import { z } from 'zod';
import { startNotes } from '../../../test/support/notes.fixture.js';
import { Returns } from './returns.js';
import { OnSurface } from './surface.js';

const empty = z.object({});
const moduleOf = (...controllers: Type[]): Type => {
  @Module({ controllers })
  class SomeModule {}
  return SomeModule;
};

test('a route without a surface fails at boot', async () => {
  @Controller('v1/lost')
  class LostController {
    @Get()
    @Returns(empty)
    get() {}
  }
  await expect(startNotes({}, moduleOf(LostController))).rejects.toThrow('GET /v1/lost stands on no surface');
});

test('a route that does not say what it answers cannot be declared', () => {
  const declare = () => {
    @Controller('v1/mute')
    @OnSurface('tenant')
    class MuteController {
      @Get()
      get() {}
    }
    return MuteController;
  };
  expect(declare).toThrow('MuteController.get does not say what it answers');
});

test('two routes in one place of one surface fail at boot, also when their lists of surfaces differ', async () => {
  @Controller('v1/twice')
  @OnSurface('tenant', 'ops')
  class FirstController {
    @Get()
    @Returns(empty)
    get() {}
  }
  @Controller('v1/twice')
  @OnSurface('ops')
  class SecondController {
    @Get()
    @Returns(empty)
    get() {}
  }
  await expect(startNotes({}, moduleOf(FirstController, SecondController))).rejects.toThrow('GET /v1/twice on ops');
});
