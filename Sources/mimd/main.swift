print("mimd")
