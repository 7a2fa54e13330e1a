#!/usr/bin/env python3
"""Asks one question over MQTT and prints the answer while it is written. Needs paho-mqtt, 1.6 or 2."""
import json, os, pathlib, socket, sys, uuid
import paho.mqtt.client as mqtt

host, port = os.environ.get("YIZHAN_MQTT", "127.0.0.1:1883").rsplit(":", 1)
tenant, user = os.environ.get("YIZHAN_TENANT", "acme"), os.environ.get("USER", "me")
chat, text = f"yizhan/{tenant}/{user}/python", " ".join(sys.argv[1:]) or sys.exit("usage: ask.py QUESTION")
# The id is on disk before anything is sent: after a crash or Ctrl-C the same question goes on, it is not asked twice.
kept = pathlib.Path(os.environ.get("YIZHAN_ASKED", pathlib.Path.home() / ".yizhan-asked.json"))
asked = json.loads(kept.read_text()) if kept.exists() else {}
if asked.get("text") != text:
    asked = {"id": str(uuid.uuid4()), "text": text}
    kept.write_text(json.dumps(asked))
shown = {"attempt": 0, "seq": 0, "text": "", "told": set()}

def on_message(client, _, message):
    reply = json.loads(message.payload)
    if reply.get("inReplyTo") != asked["id"] or reply.get("id") in shown["told"]: return
    if message.topic.endswith("/delta"):
        new = reply["attempt"] > shown["attempt"]  # a new attempt replaces what was shown
        if reply.get("snapshot") or new: shown.update(text="", seq=0)
        if not reply.get("snapshot") and reply["seq"] != shown["seq"] + 1: return  # a gap: the final has it all
        print("\n" if new and shown["attempt"] else "", reply["text"], sep="", end="", flush=True)
        return shown.update(attempt=reply["attempt"], seq=reply["seq"], text=shown["text"] + reply["text"])
    shown["told"].add(reply.get("id"))
    whole = reply.get("text") or f'{reply["code"]}: {reply["message"]}'
    if reply["type"] == "notice": return print(f'[{reply.get("ticket", "-")}] {whole}', flush=True)
    print(whole[len(shown["text"]):] if whole.startswith(shown["text"]) else "\n" + whole, flush=True)
    kept.unlink()
    client.unsubscribe(chat + "/out")  # and then disconnect: first the answer is acknowledged

client = mqtt.Client(*([mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []))
if "YIZHAN_PASSWORD" in os.environ: client.username_pw_set(f"{tenant}/{user}", os.environ["YIZHAN_PASSWORD"])
client.on_socket_open = lambda _, __, s: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
client.on_connect = lambda c, *_: c.subscribe([(chat + "/out", 1), (chat + "/delta", 0)])
client.on_subscribe = lambda c, *_: c.publish(chat + "/in", json.dumps(asked), qos=1)  # again after each reconnect
client.on_message, client.on_unsubscribe = on_message, lambda c, *_: c.disconnect()
client.connect(host, int(port))
client.loop_forever()
