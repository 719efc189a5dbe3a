/** `npm run admin -- grant --phone 09…`: makes an existing user an admin; the first one can't be made otherwise. */
import { parseArgs } from "node:util";
import { getCountries } from "libphonenumber-js/core";
import metadata from "libphonenumber-js/mobile/metadata";
import { normalizePhone } from "../src/modules/auth/phone.ts";
import { type Account, type Command, changeRole, selectAccount, selectEvent } from "./admin-sql.ts";
import { type D1, D1Error, openD1 } from "./d1.ts";
import { refuseOptionsKeptByNpm } from "./npm-options.ts";

const USAGE = `npm run admin -- grant  --phone 09… [--remote]   makes the user an admin, and the account active
npm run admin -- revoke --phone 09… [--remote]   makes the admin a user again

  --phone    in any usual writing; a national one is of DEFAULT_COUNTRY, IR unless it is set
  --remote   the production database instead of the local one (state in STATE_DIR or .wrangler/state)

Ends with 0 when the user is what was asked for, 1 when that can't be, 2 when the database could not be asked.
`;

function usage(text: string): never {
  process.stderr.write(`${text}\n\n${USAGE}`);
  process.exit(2);
}

function readArguments() {
  try {
    const flag = { type: "boolean" } as const;
    const options = { phone: { type: "string" }, remote: flag, help: { ...flag, short: "h" } } as const;
    refuseOptionsKeptByNpm(process.env, ["phone", "remote"]);
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return usage((error as Error).message);
  }
}

/** Which countries may sign up is the Workers' configuration; whoever has signed up is found. */
function readPhone(text: string | undefined): string {
  if (text === undefined) return usage("--phone is missing");
  const rules = { defaultCountry: process.env.DEFAULT_COUNTRY || "IR", countries: getCountries(metadata) };
  return normalizePhone(text, rules) ?? usage("--phone takes a mobile number, such as 09121234567 or +989121234567");
}

async function change(d1: D1, command: Command, phone: string): Promise<number> {
  const [account] = await d1.query<Account>(selectAccount(phone));
  if (account === undefined) {
    console.error(
      `Nobody has the phone ${phone}. Register with it first, in the app or through the API; then run this.`,
    );
    return 1;
  }
  const { id, role, status } = account;
  if (command === "grant" && role === "admin" && status === "active") {
    console.log(`${phone} (${id}) is an admin already.`);
    return 0;
  }
  if (command === "revoke" && role !== "admin") {
    console.log(`${phone} (${id}) is no admin, but a ${role}; nothing was changed.`);
    return 0;
  }
  const { sql, eventId } = changeRole(command, id, Date.now());
  await d1.execute(sql);
  const made = await d1.query(selectEvent(eventId));
  if (made.length === 0) {
    console.error(`${phone} (${id}) was changed by somebody else at the same time. Run this again.`);
    return 1;
  }
  console.log(`${phone} (${id}) is ${command === "grant" ? "an admin" : "a user"} now.`);
  console.log("Open sessions follow within a minute, and end within minutes: log in again.");
  return 0;
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [command, ...rest] = positionals;
  if ((command !== "grant" && command !== "revoke") || rest.length > 0) usage("the command is `grant` or `revoke`");
  return change(openD1(values.remote ?? false), command, readPhone(values.phone));
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof D1Error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
