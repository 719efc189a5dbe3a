interface TestEnv extends ApiEnv, ConsumerEnv {
  TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
  TEST_PERSON: string;
}
