import { runProcess } from './run-process.js';
import { startChancery } from './start.js';

await runProcess(startChancery);
