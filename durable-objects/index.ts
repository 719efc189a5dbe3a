export { CircuitBreaker } from "./circuit-breaker/circuit-breaker.ts";
export { RateLimiter } from "./rate-limiter/rate-limiter.ts";
export { UserSessions } from "./user-sessions/user-sessions.ts";
