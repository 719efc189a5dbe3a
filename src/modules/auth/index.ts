/** Signs and verifies the JWTs that bearer requests carry. */
export interface AccessTokens {
  /** The claims of a token that passes every check, or null. */
  verify(token: string): Promise<{ readonly userId: string; readonly sessionId: string } | null>;
}
