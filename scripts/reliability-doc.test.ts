import { checkCases } from "./doc-cases.ts";

checkCases("docs/reliability.md", 52);
