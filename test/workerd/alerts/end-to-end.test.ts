import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { expect, it } from "vitest";
import { createTelemetry } from "../../../src/composition/telemetry.ts";
import { ALERT_DESK_NAME } from "../../../src/queues/alerts.consumer.ts";
import { bindings } from "../support/database.ts";
import { configWith, desksOfTests, newDesk } from "./support.ts";

const lines = desksOfTests();

it("what a Worker raises goes through the queue, the tail Worker and the desk to people, once, within seconds", async () => {
  const desk = newDesk({}, ALERT_DESK_NAME);
  const context = createExecutionContext();
  const { alerts } = createTelemetry(bindings, { worker: "consumer", config: configWith(null), context, fields: {} });
  const about = `a-queue-${crypto.randomUUID()}`;
  for (let i = 0; i < 3; i++) {
    alerts.raise({ name: "dead_letter", about, what: "Message 7 can't be read", advice: "See docs/reliability.md" });
  }
  await expect.poll(desk.messages, { timeout: 10_000 }).toHaveLength(1);
  const [message] = await desk.messages();
  expect(message?.text).toMatch(new RegExp(`^🔴 A message was given up on\n${about}\n`));
  expect(message?.text).toMatch(/once\nconsumer, production$/);
  await waitOnExecutionContext(context);
  // The other two follow as one message of the queue, and are counted.
  await expect.poll(async () => (await desk.rows()).seen, { timeout: 15_000 }).toBe(2);
  expect(await desk.messages()).toHaveLength(1);
  expect(lines.filter(({ alert, level }) => alert === "dead_letter" && level === "error")).toHaveLength(3);
});
