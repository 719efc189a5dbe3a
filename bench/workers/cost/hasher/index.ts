import hasher from "../../../../src/workers/hasher/index.ts";
import { countedWorker } from "../worker.ts";

export { Hasher } from "../../../../src/workers/hasher/index.ts";

export default countedWorker<HasherEnv>(hasher);
