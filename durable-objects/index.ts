export { AlertDesk } from "./alert-desk/alert-desk.ts";
export { CircuitBreaker } from "./circuit-breaker/circuit-breaker.ts";
export { MetricsShard } from "./metrics-shard/metrics-shard.ts";
export { RateLimiter } from "./rate-limiter/rate-limiter.ts";
export { UserSessions } from "./user-sessions/user-sessions.ts";
