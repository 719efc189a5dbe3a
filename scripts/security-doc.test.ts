import { checkCases } from "./doc-cases.ts";

checkCases("docs/security.md", 70);
