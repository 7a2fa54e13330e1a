export { type ApiParts, registerOwnerRoutes, registerRoutes } from './routes.js'
export { type Api, type ApiConfig, refuseOpenApi, startApi } from './server.js'
