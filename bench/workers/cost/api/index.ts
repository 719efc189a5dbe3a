import * as objects from "../../../../durable-objects/index.ts";
import api from "../../../../src/workers/api/index.ts";
import { countedObject } from "../objects.ts";
import { countedWorker } from "../worker.ts";

export const RateLimiter = countedObject("RATE_LIMITER", objects.RateLimiter);
export const UserSessions = countedObject("USER_SESSIONS", objects.UserSessions);

export default countedWorker<ApiEnv>(api);
