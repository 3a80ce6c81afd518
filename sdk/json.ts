/** A value that JSON can carry. */
export type JSONValue = string | number | boolean | null | JSONObject | JSONArray;
/** A list of values that JSON can carry. */
export type JSONArray = JSONValue[];
/** What a function takes and returns. */
export type JSONObject = { [key: string]: JSONValue };
