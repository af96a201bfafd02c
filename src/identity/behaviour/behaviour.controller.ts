import { Controller, Get, Param } from '@nestjs/common';
import { idField } from '../../platform/http/fields.js';
import { Returns } from '../../platform/http/returns.js';
import { OnSurface } from '../../platform/http/surface.js';
import { Allow, Caller, SIGNED_IN } from '../../tenancy/access.js';
import type { Principal } from '../../tenancy/principal.js';
import { behaviourView, viewBehaviour } from './behaviour.schema.js';
import { ReadBehaviour } from './read-behaviour.js';

@Controller('v1/agents/:id/behaviour')
@OnSurface('tenant')
export class BehaviourController {
  constructor(private readonly readBehaviour: ReadBehaviour) {}

  @Get()
  @Allow(SIGNED_IN)
  @Returns(behaviourView, { summary: 'How an agent behaves, by what the server saw; an agent may ask for its own' })
  async show(@Caller() principal: Principal, @Param('id', { schema: idField('agt') }) id: string) {
    return viewBehaviour(await this.readBehaviour.execute(principal, id));
  }
}
