import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { OpenToAll } from './access.js';
import { notFound } from './http.errors.js';
import { errorPage, isPublicFile, publicFile } from './public-files.js';
import { REFERENCE_CSP, REFERENCE_HTML, REFERENCE_START } from './reference-page.js';
import { ReturnsRaw } from './returns.js';
import { OnSurface } from './surface.js';

const HOUR = 'public, max-age=3600';
const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** The API's own papers: they work without a network beyond this server. */
@Controller()
@OpenToAll()
@OnSurface('tenant')
export class ReferenceController {
  @Get('openapi.json')
  @Header('Cache-Control', HOUR)
  @ReturnsRaw('application/json', { summary: 'This document' })
  async document(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.type('application/json; charset=utf-8');
    return publicFile('openapi.json');
  }

  @Get('reference')
  @Header('Content-Security-Policy', REFERENCE_CSP)
  @ReturnsRaw('text/html', { summary: 'The reference, to read and to try' })
  page(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.type('text/html; charset=utf-8');
    return REFERENCE_HTML;
  }

  @Get('reference/:file')
  @Header('Cache-Control', HOUR)
  @ReturnsRaw('text/javascript', { summary: 'A part of the reference page' })
  async asset(@Param('file') file: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const type = types[file.slice(file.lastIndexOf('.'))];
    if (!type) throw notFound();
    void reply.type(type);
    if (file === 'start.js') return REFERENCE_START;
    if (!isPublicFile(file)) throw notFound();
    return publicFile(file);
  }

  @Get('errors/:code')
  @Header('Cache-Control', HOUR)
  @ReturnsRaw('text/plain', { summary: 'What a problem code means and what to do' })
  async error(@Param('code') code: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const page = await errorPage(code);
    if (!page) throw notFound();
    void reply.type('text/plain; charset=utf-8');
    return page;
  }
}
