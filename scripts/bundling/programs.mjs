// What is bundled: each program, and every file that it starts in a thread or process of its own.

/** Compiled files, from the root of the checkout. In a bundle each is an entry under its base name. */
export const PROGRAMS = [
  {
    dir: 'edge-agent',
    parts: ['proto', 'kernel', 'intent', 'edge-agent'],
    entries: [
      'edge-agent/dist/main.js',
      'edge-agent/dist/agent.js',
      'edge-agent/dist/intent/worker.js',
      'intent/dist/cage/cage-process.js',
      'kernel/dist/sealing/seal-worker.js',
    ],
  },
  {
    dir: 'center',
    parts: ['proto', 'kernel', 'intent', 'center'],
    entries: [
      'center/dist/main.js',
      'center/dist/center.js',
      'center/dist/tenants/extract/extract-process.js',
      'intent/dist/cage/cage-process.js',
      'intent/dist/train-worker.js',
      'intent/dist/training-job-worker.js',
      'kernel/dist/sealing/seal-worker.js',
    ],
  },
]

/** Packages with native code, one that is a single file already, and what others try to load where it is installed. */
export const EXTERNAL = [
  'classic-level',
  'onnxruntime-node',
  'usearch',
  'unpdf',
  'bufferutil',
  'utf-8-validate',
  'pg-native',
]

/** What is in a package and nobody calls: a detector of hosts that imports CommonJS late. */
export const NEVER_RUN = /^node_modules\/@opentelemetry\/resources\/.*\/machine-id\//
