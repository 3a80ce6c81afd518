/** Why a database cannot be used; the message is for the operator and contains no password. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
}
