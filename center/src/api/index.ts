export { type ApiParts, registerRoutes } from './routes.js'
export { type Api, type ApiConfig, startApi } from './server.js'
