import fc from "fast-check";
import { expect, it } from "vitest";
import { ShipperBuffer } from "./shipper-buffer.ts";

const LIMITS = { maxItems: 8, maxBytes: 400, batchItems: 3, batchBytes: 150 };

const command = fc.oneof(
  fc.record({ do: fc.constant("add" as const), bytes: fc.integer({ min: 0, max: 120 }), onTheWire: fc.boolean() }),
  fc.record({ do: fc.constantFrom("take" as const, "close" as const) }),
);

it("loses nothing uncounted, stays within its limits and keeps the order, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const buffer = new ShipperBuffer(LIMITS);
      let added = 0;
      let dropped = 0;
      const sent: number[] = [];
      for (const step of commands) {
        if (step.do === "add") {
          const json = String(added++).padEnd(step.bytes, ".");
          dropped += buffer.add({ group: "", order: "", json }, 0, step.onTheWire);
        } else if (step.do === "take") buffer.nextBatch(0);
        else {
          sent.push(...(buffer.batch?.entries ?? []).map(({ json }) => Number.parseInt(json, 10)));
          buffer.closeBatch();
        }
        const batch = buffer.batch?.entries ?? [];
        expect(batch.length).toBeLessThanOrEqual(LIMITS.batchItems);
      }
      while (!buffer.isEmpty) {
        const entries = buffer.nextBatch(0)?.entries ?? [];
        sent.push(...entries.map(({ json }) => Number.parseInt(json, 10)));
        expect(buffer.closeBatch()).toBe(entries.length);
      }
      expect(sent.length + dropped).toBe(added);
      expect(sent).toEqual([...new Set(sent)].sort((a, b) => a - b));
    }),
    { numRuns: 500 },
  );
});

it("drops the oldest first: the batch that is not on the wire, and never one that is", () => {
  const add = (buffer: ShipperBuffer, json: string, onTheWire: boolean) =>
    buffer.add({ group: "", order: "", json }, 0, onTheWire);
  for (const onTheWire of [true, false]) {
    const buffer = new ShipperBuffer(LIMITS);
    for (const json of ["0", "1", "2", "3"]) add(buffer, json, false);
    const batch = buffer.nextBatch(0);
    for (const json of ["4", "5", "6", "7", "8"]) add(buffer, json, onTheWire);
    expect(batch?.entries.map(({ json }) => json)).toEqual(onTheWire ? ["0", "1", "2"] : ["1", "2"]);
    buffer.closeBatch();
    expect(buffer.nextBatch(0)?.entries.map(({ json }) => json)).toEqual(onTheWire ? ["4", "5", "6"] : ["3", "4", "5"]);
  }
});

it("holds as many bytes as it may", () => {
  const buffer = new ShipperBuffer({ ...LIMITS, maxItems: 1_000 });
  let dropped = 0;
  for (let i = 0; i < 50; i++) dropped += buffer.add({ group: "é", order: "", json: "😀".repeat(12) }, 0, false);
  expect(dropped).toBe(42);
});
