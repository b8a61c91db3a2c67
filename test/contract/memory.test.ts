import { createMemoryBackend } from '../support/memory-backend.ts';
import { describeTaskBackend } from './task-backend.ts';

describeTaskBackend('memory', () => createMemoryBackend());
