// Jest's globalTeardown.
export { stopServices as default } from './start-services.mjs';
