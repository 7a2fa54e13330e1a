export { type GatewayConfig, gatewayConfigSchema } from './config.js'
export { type Gateway, type GatewayDeps, type LinkView, startGateway } from './gateway.js'
export type { Enrollment, IssuedIdentity, SubjectReports, TlsMaterial, TlsSource } from './port.js'
