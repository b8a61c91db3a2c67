import { afterAll } from '@jest/globals';
import { createBullmqBackend } from '../../src/backends/bullmq.ts';
import { expectNoLeakedConnections, redisUrl, uniqueName } from '../support/redis.ts';
import { describeTaskBackend } from './task-backend.ts';

const prefix = uniqueName('bull');

describeTaskBackend('bullmq', () => createBullmqBackend({ redisUrl: redisUrl(), prefix }));

afterAll(() => expectNoLeakedConnections());
