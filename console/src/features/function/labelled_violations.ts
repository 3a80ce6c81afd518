import { ApiError } from "../../api/client.ts";

/**
 * An error whose violations begin with the labels of their fields in the form. A screen reader announces an error
 * without the field beside it. Errors that are not of the API are returned unchanged.
 * @param labels by the paths of fields, without the resource before them
 */
export function labelledViolations(
  error: unknown,
  labels: Readonly<Record<string, string>>,
): unknown {
  if (!(error instanceof ApiError)) return error;
  const fields = error.fields.map(({ field, description }) => {
    // After the name of the resource, and before an index.
    const path = field.replace(/^(?:function|trigger)\./, "").replace(/\[\d+\]$/, "");
    const label = Object.hasOwn(labels, path) ? labels[path] : undefined;
    return { field, description: label === undefined ? description : `${label}: ${description}` };
  });
  return new ApiError(error.status, error.reason, error.message, fields);
}
