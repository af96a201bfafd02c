import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CONFIG } from '../../config/config.token.js';
import type { Config } from '../../config/environment.js';
import { OpenToAll } from './access.js';
import { publicFile } from './public-files.js';
import { ReturnsRaw } from './returns.js';
import { securityTxt } from './security-txt.js';
import { OnSurface } from './surface.js';
import { SurfaceOrigins } from './surface-origins.js';

const HOUR = 'public, max-age=3600';
const TEXT = 'text/plain; charset=utf-8';

/** How to tell the operator of a vulnerability, for the world to read. */
@Controller()
@OpenToAll()
@OnSurface('public')
export class SecurityController {
  constructor(
    private readonly origins: SurfaceOrigins,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get('.well-known/security.txt')
  @Header('Cache-Control', HOUR)
  @ReturnsRaw('text/plain', { summary: 'Where to report a vulnerability (RFC 9116)' })
  contact(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.type(TEXT);
    const { securityContact: contact } = this.config;
    return securityTxt({ origin: this.origins.main('public'), contact, now: new Date() });
  }

  @Get('security-policy')
  @Header('Cache-Control', HOUR)
  @ReturnsRaw('text/plain', { summary: 'What may be tested, what is answered and when' })
  async policy(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.type(TEXT);
    return publicFile('SECURITY.md');
  }
}
