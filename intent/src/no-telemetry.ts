/**
 * The Linux builds of the ONNX runtime count what they run, are made to send it to their maker, and leave a device id, a database and
 * logs on the machine, unless this is set before their first session. A worker's `process.env` is a copy that native code does
 * not see: whoever starts one has to have loaded this too.
 */
export const NO_TELEMETRY = { ORT_DISABLE_TELEMETRY: '1' }

Object.assign(process.env, NO_TELEMETRY)
