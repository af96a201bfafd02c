import { runProcess } from './run-process.js';
import { startWorker } from './start.js';

await runProcess(startWorker);
