/** Hashes and checks passwords in isolates of their own. */
export interface PasswordHasher {
  /** A PHC string (Argon2id) or a bcrypt string, by configuration. */
  hash(password: string): Promise<string>;
  /**
   * Whether `password` belongs to `stored`; with `null` a dummy hash is verified, so that unknown accounts take as long.
   * `rehash` tells that `stored` was made with other parameters than are configured now.
   */
  verify(password: string, stored: string | null): Promise<{ readonly matches: boolean; readonly rehash: boolean }>;
}
