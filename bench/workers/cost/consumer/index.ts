import * as objects from "../../../../durable-objects/index.ts";
import consumer, * as entrypoints from "../../../../src/workers/consumer/index.ts";
import { countedEnv } from "../bindings.ts";
import { countedObject } from "../objects.ts";
import { countedWorker } from "../worker.ts";

export const CircuitBreaker = countedObject("CIRCUIT_BREAKER", objects.CircuitBreaker);

export class ImageProcessor extends entrypoints.ImageProcessor {
  constructor(context: ExecutionContext, env: ConsumerEnv) {
    super(context, countedEnv(env));
  }
}

export default countedWorker<ConsumerEnv>(consumer);
