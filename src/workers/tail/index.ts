export default { tail: () => {} } satisfies ExportedHandler;
