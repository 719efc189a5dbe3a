interface TestEnv extends ApiEnv, ConsumerEnv, Pick<TailEnv, "ALERT_DESK"> {
  TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
  TEST_PERSON: string;
}
