/** A value of JSON. */
export type JSONValue = string | number | boolean | null | JSONObject | JSONArray;
/** An array of JSON. */
export type JSONArray = JSONValue[];
/** An object of JSON: the input and output of a function. */
export type JSONObject = { [key: string]: JSONValue };
