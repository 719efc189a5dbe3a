import api from "../../src/workers/api/index.ts";
import consumer from "../../src/workers/consumer/index.ts";

export { UserSessions } from "../../src/workers/api/index.ts";
export { ImageProcessor } from "../../src/workers/consumer/index.ts";
export { Hasher } from "../../src/workers/hasher/index.ts";

export default { ...consumer, fetch: api.fetch };
