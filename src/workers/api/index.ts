import { createApp } from "../../app.ts";

export { UserSessions } from "../../../durable-objects/index.ts";

export default createApp() satisfies ExportedHandler<ApiEnv>;
