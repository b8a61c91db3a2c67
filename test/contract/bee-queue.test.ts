import { afterAll } from '@jest/globals';
import { createBeeQueueBackend } from '../../src/backends/bee-queue.ts';
import { expectNoLeakedConnections, redisUrl, uniqueName } from '../support/redis.ts';
import { describeTaskBackend } from './task-backend.ts';

const prefix = uniqueName('bq');

describeTaskBackend('bee-queue', () => createBeeQueueBackend({ redisUrl: redisUrl(), prefix }));

afterAll(() => expectNoLeakedConnections());
