import type { Metrics } from '@yizhan/kernel'

export type MqttCounters = ReturnType<typeof mqttCounters>

export function mqttCounters(metrics: Metrics) {
  return {
    messages: metrics.counter('yizhan_mqtt_messages_total', 'Messages taken in over MQTT', ['outcome']),
    refused: metrics.counter('yizhan_mqtt_refused_total', 'Messages refused before they were taken in', [
      'code',
    ]),
    misbehaved: metrics.counter(
      'yizhan_mqtt_misbehaved_total',
      'Connections closed, or filters refused, for what a client did',
    ),
    deltasDropped: metrics.counter('yizhan_mqtt_deltas_dropped_total', 'Deltas left out for slow clients'),
  }
}
